// Place is a page of the portal.
export interface Place {
  to: string;
  search?: Record<string, string>;
}

// What has a page of its own, and under which the pages of its kind stand.
const pages = new Map([
  ["invoice", "invoices"],
  ["document", "invoices"],
  ["agreement", "agreements"],
  ["sheet", "sheets"],
  ["order", "orders"],
  ["item", "orders"],
  ["product", "inventory"],
]);

// What stands on a page of many, with what that page is told beside the partner.
const lists = new Map<string, Place>([
  ["bill", { to: "/bills" }],
  ["bills", { to: "/bills" }],
  ["measurements", { to: "/inventory", search: { tab: "measurements" } }],
  ["imports", { to: "/usage" }],
  ["usage", { to: "/usage" }],
  ["settlement", { to: "/netting" }],
  ["rounds", { to: "/netting", search: { tab: "rounds" } }],
  ["deposits", { to: "/deposits" }],
]);

// placeOf gives the page that shows what the key of a record on a partner's Bilateral names,
// like period/O-1/001793577600000 (its time is ms since 1970). Of a record that no page shows
// there is none.
export function placeOf(subject: string, partner: string): Place | undefined {
  const [kind = "", ...rest] = subject.split("/");
  const id = rest.join("/");
  const list = lists.get(kind);
  if (list) return { to: list.to, search: { ...list.search, partner } };
  if (!rest[0]) return undefined;
  const one = (...parts: string[]) => ({ to: `/${[parts[0]!, partner, ...parts.slice(1)].map(encodeURIComponent).join("/")}` });
  const page = pages.get(kind);
  if (page) return one(page, id);
  switch (kind) {
    case "dispute":
      return one("disputes", id.replaceAll("/", "~"));
    case "measurement":
      return one("inventory", rest[0]);
    case "period": {
      const from = Number(rest[1] ?? "");
      return rest.length === 2 && from > 0 && from < 8.64e15 ? one("periods", rest[0], moment(from)) : undefined;
    }
    case "obligation":
      return { to: "/statements", search: { tab: "obligations", partner, id } };
    case "netting":
      return { to: "/netting", search: { partner, id } };
  }
  return undefined;
}

// moment writes a time as the API does: without a fraction where there is none.
const moment = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
