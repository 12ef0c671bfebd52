import { createTheme, DEFAULT_THEME, defaultVariantColorsResolver, isLightColor, type MantineColorsTuple } from "@mantine/core";

// A calm blue-green; the shade that carries white text has a contrast above 4.5 : 1.
const lake: MantineColorsTuple = ["#e8f6f8", "#d3e9ee", "#a6d2dc", "#76bac9", "#50a6b9", "#389ab0", "#2a94ac", "#0f7288", "#0b6275", "#075160"];

// Red that carries white text: Mantine's own seventh shade is too pale for it.
const red = DEFAULT_THEME.colors.red.with(7, "#c92a2a").with(8, "#b32424").with(9, "#9c1f1f") as unknown as MantineColorsTuple;

const shade = { light: 7, dark: 4 } as const;
const threshold = 0.18; // of luminance: white text down to 4.5 : 1, else black

// onFilled is the text on a colour that fills something. Mantine knows that of the light
// scheme only.
function onFilled(tuple: MantineColorsTuple): string {
  const text = (of: string) => `var(--mantine-color-${isLightColor(of, threshold) ? "black" : "white"})`;
  return `light-dark(${text(tuple[shade.light]!)}, ${text(tuple[shade.dark]!)})`;
}

export const theme = createTheme({
  primaryColor: "lake",
  primaryShade: shade,
  autoContrast: true,
  luminanceThreshold: threshold,
  variantColorResolver: (input) => {
    const resolved = defaultVariantColorsResolver(input);
    const tuple = input.variant === "filled" ? input.theme.colors[input.color ?? input.theme.primaryColor] : undefined;
    return tuple ? { ...resolved, color: onFilled(tuple) } : resolved;
  },
  colors: { lake, red },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace",
  defaultRadius: "md",
  headings: { fontWeight: "650" },
  focusRing: "auto",
  cursorType: "pointer",
  components: {
    Table: { defaultProps: { verticalSpacing: "xs" } },
    // What scrolls is reached by keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    // What helps to fill in a field stands below it: fields beside each other stay in line.
    InputWrapper: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } },
    Checkbox: { defaultProps: { iconColor: onFilled(lake) } },
    Chip: { defaultProps: { color: "lake" } }, // without a colour its text is white in both
    Radio: { defaultProps: { iconColor: onFilled(lake) } },
    // A dialog's head is no banner of the page, which Mantine's <header> would make it.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});
