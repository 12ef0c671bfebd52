import i18next from "i18next";
import { initReactI18next } from "react-i18next";

// Messages are in src/FOLDER/LANGUAGE.json, one file for each part of the portal, loaded
// when that part is first shown.
const files = import.meta.glob<Record<string, unknown>>("../*/{en,de,fr}.json", { import: "default" });

export const languages = { en: "English", de: "Deutsch", fr: "Français" } as const;
export type Language = keyof typeof languages;

const key = "lateral.language";

function preferred(): Language {
  let wanted: string[] = [...navigator.languages];
  try {
    const chosen = localStorage.getItem(key);
    if (chosen) wanted = [chosen, ...wanted];
  } catch {
    // No storage: the browser's own wish holds.
  }
  for (const w of wanted) {
    const short = w.slice(0, 2).toLowerCase();
    if (short in languages) return short as Language;
  }
  return "en";
}

export async function setLanguage(l: Language) {
  try {
    localStorage.setItem(key, l);
  } catch {
    // It holds until the page is left.
  }
  await i18next.changeLanguage(l);
  document.documentElement.lang = l;
}

export async function startMessages() {
  const language = preferred();
  document.documentElement.lang = language;
  await i18next
    .use({
      type: "backend" as const,
      read(l: string, namespace: string, done: (err: unknown, data: unknown) => void) {
        const load = files[`../${namespace}/${l}.json`];
        if (!load) return done(new Error(`no messages for ${namespace} in ${l}`), false);
        load().then(
          (data) => done(null, data),
          (err: unknown) => done(err, false),
        );
      },
    })
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: "en",
      supportedLngs: Object.keys(languages),
      ns: ["ui"],
      defaultNS: "ui",
      fallbackNS: "ui",
      keySeparator: ".",
      returnNull: false,
      interpolation: { escapeValue: false }, // React does
      react: { useSuspense: true },
    });
}
