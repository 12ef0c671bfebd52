import "@fontsource-variable/inter/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./styles.css";

import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { startMessages } from "./lib/i18n";

// The nonce of this page, for the style elements that dialogs make while they are open: the
// library beneath them looks for it under this name.
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
(globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = nonce;

const root = createRoot(document.getElementById("root")!);
await startMessages();
root.render(<App nonce={nonce} />);
