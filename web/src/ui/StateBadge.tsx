import { Badge, type BadgeProps } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { spaced } from "@/lib/names";

// Which states are good, which wait for somebody, which are bad: by the names that the API
// gives. A state that is not named here is shown in grey, in its own words.
const tones: Record<string, string> = {};
for (const [tone, states] of Object.entries({
  teal: "active accepted final settled paid resolved agreed matched delivered ready confirmed member in-force done running completed live launched inuse",
  blue: "proposed requested issued open rated stated acknowledged in-progress assigned sent advised pending invoiced placed inprogress reserving reserved ordered opening added",
  yellow: "differs disputed manual held suspended binding planned partial late waiting draft designed retiring contested onhold pendingactive pendingterminate assessingcancellation assessingmodification held.assessingcharge active.pendingchange suspendedpendingterminate reopened closing releasing intest endofsale changed",
  red: "rejected failed diverged halted expelled overdue refused stopped corrupt cancelled declined lapsed blocked",
})) {
  for (const s of states.split(" ")) tones[s] = tone;
}

export function StateBadge({ state, ...rest }: { state: string | undefined } & Omit<BadgeProps, "color" | "children">) {
  const { t } = useTranslation();
  if (!state) return null;
  return (
    <Badge variant="light" color={tones[state.toLowerCase()] ?? "gray"} className="state" {...rest}>
      {t(`states.${state}`, { defaultValue: spaced(state) })}
    </Badge>
  );
}
