import "@fontsource-variable/inter/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./styles.css";

import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { startMessages } from "./lib/i18n";

const root = createRoot(document.getElementById("root")!);
await startMessages();
root.render(<App />);
