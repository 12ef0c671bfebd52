import { expect, it } from "vitest";

import { placeOf } from "./subject";

it("leads from the key of a record to its page", () => {
  expect(placeOf("period/V-ALPHA/001793577600000", "BRAVO")).toEqual({ to: "/periods/BRAVO/V-ALPHA/2026-11-02T00%3A00%3A00Z" });
  expect(placeOf("period/_MSA.BRAVO/001793577600250", "BRAVO")).toEqual({ to: "/periods/BRAVO/_MSA.BRAVO/2026-11-02T00%3A00%3A00.250Z" });
  expect(placeOf("dispute/V-ALPHA/001793577600000/000000000000000/0000000007", "BRAVO")).toEqual({ to: "/disputes/BRAVO/V-ALPHA~001793577600000~000000000000000~0000000007" });
  expect(placeOf("invoice/ALPHA-BRAVO-V-1", "BRAVO")).toEqual({ to: "/invoices/BRAVO/ALPHA-BRAVO-V-1" });
  expect(placeOf("item/E-1", "BRAVO")).toEqual({ to: "/orders/BRAVO/E-1" });
  expect(placeOf("measurement/S-1/001793577600000", "BRAVO")).toEqual({ to: "/inventory/BRAVO/S-1" });
  expect(placeOf("obligation/N1-USD", "BRAVO")).toEqual({ to: "/statements", search: { tab: "obligations", partner: "BRAVO", id: "N1-USD" } });
  expect(placeOf("usage/ALPHA>BRAVO", "BRAVO")).toEqual({ to: "/usage", search: { partner: "BRAVO" } });
});

it("leads nowhere from what no page shows, and out of no page", () => {
  for (const subject of ["", "reputation", "terms/00ff", "period", "period/", "period/O-1", "period/O-1/x", "period/O-1/99999999999999999999", "dispute/", "invoice"]) expect(placeOf(subject, "BRAVO"), subject).toBeUndefined();
  expect(placeOf("invoice/../../users?x=1#y", "A/B")).toEqual({ to: "/invoices/A%2FB/..%2F..%2Fusers%3Fx%3D1%23y" });
});
