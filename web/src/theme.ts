import { createTheme, DEFAULT_THEME, type MantineColorsTuple } from "@mantine/core";

// A calm blue-green; the shade that carries white text has a contrast above 4.5 : 1.
const lake: MantineColorsTuple = ["#e8f6f8", "#d3e9ee", "#a6d2dc", "#76bac9", "#50a6b9", "#389ab0", "#2a94ac", "#0f7288", "#0b6275", "#075160"];

// Red that carries white text: Mantine's own seventh shade is too pale for it.
const red = DEFAULT_THEME.colors.red.with(7, "#c92a2a").with(8, "#b32424").with(9, "#9c1f1f") as unknown as MantineColorsTuple;

export const theme = createTheme({
  primaryColor: "lake",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.18, // white down to 4.5 : 1, else black
  colors: { lake, red },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace",
  defaultRadius: "md",
  headings: { fontWeight: "650" },
  focusRing: "auto",
  cursorType: "pointer",
  components: {
    Table: { defaultProps: { verticalSpacing: "xs" } },
    // A dialog's head is no banner of the page, which Mantine's <header> would make it.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});
