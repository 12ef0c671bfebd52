import { Anchor, Button, Menu, Text } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { json } from "@/api/http";
import { useSession } from "@/api/session";

interface Sandbox {
  self: string;
  carriers: { code: string; name?: string; url: string }[];
  observer?: string;
}

export const roles = ["clerk", "product-manager", "engineer", "finance", "auditor", "administrator", "subscriber"] as const;

// second is who approves what the sandbox's first person of finance has begun.
const second = "finance-2";
const people = roles.filter((r) => r !== "subscriber").flatMap((r) => (r === "finance" ? [r, second] : [r]));

// useSandbox gives the sandbox that this node runs in; undefined for a node of its own.
export function useSandbox(): Sandbox | undefined {
  return useQuery({
    queryKey: ["sandbox"],
    meta: { still: true },
    staleTime: Infinity,
    retry: false,
    queryFn: async () => {
      const answer = await fetch("/sandbox", { headers: { Accept: "application/json" } });
      if (!answer.ok || !answer.headers.get("Content-Type")?.includes("json")) return null;
      return (await answer.json()) as Sandbox;
    },
  }).data ?? undefined;
}

// Switcher shows whose node this is; in a sandbox one goes from it to the other carriers,
// and to the person of another role.
export function Switcher() {
  const { t } = useTranslation();
  const s = useSession();
  const sandbox = useSandbox();
  const name = (
    <Text fw={650} span>
      {s?.carrier}
    </Text>
  );
  if (!sandbox) return name;
  const go = async (carrier: string, role: string) => {
    const { url } = await json<{ url: string }>("POST", "/sandbox/sign-in", { carrier, role }, { "X-Sandbox": "1" });
    location.assign(url);
  };
  return (
    <Menu position="bottom-start" width={260}>
      <Menu.Target>
        <Button variant="subtle" color="gray" px="xs" rightSection={<IconChevronDown size={16} aria-hidden />} aria-label={t("switcher", { carrier: s?.carrier })}>
          {name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="80vh" style={{ overflow: "auto" }}>
        <Menu.Label>{t("sandbox.carriers")}</Menu.Label>
        {sandbox.carriers.map((c) => (
          <Menu.Item key={c.code} onClick={() => void go(c.code, s?.role ?? "clerk")} fw={c.code === s?.carrier ? 700 : undefined}>
            {c.code}
          </Menu.Item>
        ))}
        <Menu.Label>{t("sandbox.roles")}</Menu.Label>
        {people.map((p) => (
          <Menu.Item key={p} onClick={() => void go(s?.carrier ?? "", p)} fw={p === s?.name ? 700 : undefined}>
            {p === second ? t("sandbox.second", { role: t("roles.finance") }) : t(`roles.${p}`)}
          </Menu.Item>
        ))}
        {sandbox.observer && (
          <>
            <Menu.Divider />
            <Menu.Item component="div">
              <Anchor href={sandbox.observer}>{t("sandbox.observer")}</Anchor>
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
