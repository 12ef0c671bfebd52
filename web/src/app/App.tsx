import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { Suspense, useMemo, useState } from "react";

import { queries } from "@/api/client";
import * as time from "@/lib/time";
import { theme } from "@/theme";
import { Zone } from "@/ui/When";

import { router } from "./router";

// The nonce that the node gave this page: Mantine's own style elements bear it.
const nonce = () => document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";

export function App() {
  const [zone, set] = useState(time.zone);
  const zoned = useMemo(
    () => ({
      zone,
      setZone: (z: string) => {
        time.setZone(z);
        set(z);
      },
    }),
    [zone],
  );
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={nonce}>
      <Zone.Provider value={zoned}>
        <QueryClientProvider client={queries}>
          <Notifications position="bottom-right" />
          <Suspense fallback={null}>
            <RouterProvider router={router} />
          </Suspense>
        </QueryClientProvider>
      </Zone.Provider>
    </MantineProvider>
  );
}
