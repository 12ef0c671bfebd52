import { MantineProvider, mergeThemeOverrides } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import * as time from "@/lib/time";
import { theme } from "@/theme";
import { Zone } from "@/ui/When";

import { router } from "./router";

// App is the whole portal. Mantine's style elements bear the nonce that the node gave the page.
export function App({ nonce }: { nonce: string }) {
  const { t } = useTranslation();
  // What Mantine names itself is named in the chosen language.
  const named = useMemo(() => {
    const close = { defaultProps: { closeButtonProps: { "aria-label": t("close") } } };
    return mergeThemeOverrides(theme, { components: { Modal: close, Drawer: close, Notification: close, PasswordInput: { defaultProps: { visibilityToggleButtonProps: { "aria-label": t("peek") } } } } });
  }, [t]);
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
    <MantineProvider theme={named} defaultColorScheme="auto" getStyleNonce={() => nonce}>
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
