import { ActionIcon, AppShell, Avatar, Burger, Group, Menu, NavLink, ScrollArea, Stack, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLanguage, IconLogout, IconMoon, IconSun, IconUser } from "@tabler/icons-react";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { memo, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useLive } from "@/api/live";
import { signOut, useMay, useSession } from "@/api/session";
import { languages, setLanguage, type Language } from "@/lib/i18n";
import { SignInDialog } from "@/session/SignInDialog";
import { Loaded } from "@/ui/Page";
import { useZone } from "@/ui/When";

import { LiveMark } from "./LiveMark";
import { nav } from "./nav";
import { ReachBanner } from "./ReachBanner";
import { Switcher, useSandbox } from "./Switcher";

// Shell is what surrounds every page: where one can go, whose node this is, who is signed
// in. Going from page to page draws nothing of it anew but the mark of where one is.
export function Shell() {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure();
  useLive();
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 232, breakpoint: "md", collapsed: { mobile: !opened } }} padding="md">
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <AppShell.Header px="md">
        <Head opened={opened} toggle={toggle} />
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t("menu")}>
        <Places onGone={close} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: "none" }}>
        <ReachBanner />
        <Suspense fallback={<Loaded of={{ data: undefined, error: undefined, isPending: true, refetch: () => {} }}>{() => null}</Loaded>}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <SignInDialog />
    </AppShell>
  );
}

const Head = memo(function Head({ opened, toggle }: { opened: boolean; toggle: () => void }) {
  const { t } = useTranslation();
  return (
    <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
      <Group gap="sm" wrap="nowrap">
        <Burger opened={opened} onClick={toggle} hiddenFrom="md" size="sm" aria-label={t("menu")} />
        <Link to="/" aria-label="Lateral" style={{ display: "flex" }}>
          <img src="/icon.svg" width={28} height={28} alt="" />
        </Link>
        <Switcher />
      </Group>
      <Group gap={6} wrap="nowrap">
        <LiveMark />
        <LanguageMenu />
        <SchemeButton />
        <PersonMenu />
      </Group>
    </Group>
  );
});

// Places is the menu: what the role may see.
const Places = memo(function Places({ onGone }: { onGone: () => void }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const may = useMay();
  const sandbox = useSandbox();
  useEffect(onGone, [pathname, onGone]);
  const current = (to: string, also: string[] = []) => [to, ...also].some((p) => (p === "/" ? pathname === "/" : pathname === p || pathname.startsWith(`${p}/`)));
  return (
    <ScrollArea type="auto" scrollbarSize={6} offsetScrollbars="y">
      <Stack gap="sm">
        {nav.map((group) => {
          const items = group.items.filter((i) => (!i.needs || may(i.needs)) && (!i.sandbox || sandbox));
          if (!items.length) return null;
          return (
            <div key={group.key}>
              <Text size="xs" fw={600} c="dimmed" px="sm" pb={2}>
                {t(`nav.${group.key}`)}
              </Text>
              {items.map((i) => (
                <Place key={i.to} to={i.to} label={t(`nav.${i.key}`)} icon={i.icon} here={current(i.to, i.also)} />
              ))}
            </div>
          );
        })}
      </Stack>
    </ScrollArea>
  );
});

const Place = memo(function Place({ to, label, icon: Icon, here }: { to: string; label: string; icon: (typeof nav)[number]["items"][number]["icon"]; here: boolean }) {
  return <NavLink component={Link} to={to} label={label} leftSection={<Icon size={18} aria-hidden />} active={here} aria-current={here ? "page" : undefined} style={{ borderRadius: 8 }} />;
});

function SchemeButton() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  return (
    <Tooltip label={t(scheme === "dark" ? "toLight" : "toDark")}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t(scheme === "dark" ? "toLight" : "toDark")} onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}>
        {scheme === "dark" ? <IconSun size={20} aria-hidden /> : <IconMoon size={20} aria-hidden />}
      </ActionIcon>
    </Tooltip>
  );
}

function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("language")}>
          <IconLanguage size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(languages).map(([code, name]) => (
          <Menu.Item key={code} lang={code} onClick={() => void setLanguage(code as Language)} fw={i18n.language === code ? 700 : undefined}>
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function PersonMenu() {
  const { t } = useTranslation();
  const s = useSession();
  const { zone } = useZone();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("person", { name: s?.name })}>
          <Avatar size={28} radius="xl" name={s?.name} color="lake" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {s?.name} · {t(`roles.${s?.role}`)}
        </Menu.Label>
        <Menu.Label>{zone}</Menu.Label>
        <Menu.Item leftSection={<IconUser size={16} aria-hidden />} onClick={() => void navigate({ to: "/settings" })}>
          {t("nav.settings")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void signOut()}>
          {t("signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
