import { Text, type TextProps } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { group } from "@/lib/money";

interface Props extends Omit<TextProps, "children"> {
  amount: string | undefined;
  currency: string | undefined;
}

// Money shows an amount with its currency: never one without the other.
export function Money({ amount, currency, ...rest }: Props) {
  const { i18n } = useTranslation();
  if (amount === undefined) return <Text span c="dimmed" {...rest}>–</Text>;
  return (
    <Text span className="numbers" {...rest}>
      {group(amount, i18n.language)} <small>{currency}</small>
    </Text>
  );
}
