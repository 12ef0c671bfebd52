import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The node serves what is built here: it is embedded in the program. The node puts a
// fresh nonce where the placeholder is each time it gives the page out.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: "../portal/dist",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 700,
    // Nothing is put inline: the policy of the page allows no data: scripts or fonts.
    assetsInlineLimit: 0,
  },
  server: {
    // npm run dev beside a running node: LATERAL_API=http://127.0.0.1:7080
    proxy: Object.fromEntries(
      ["/v1", "/session", "/sandbox", "/health", "/ready"].map((path) => [path, { target: process.env.LATERAL_API ?? "http://127.0.0.1:7080" }]),
    ),
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
