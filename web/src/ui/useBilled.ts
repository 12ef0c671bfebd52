import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { billed } from "@/lib/names";

// useBilled gives the words for what a period or an invoice is of.
export function useBilled(): (order: string, seller?: string) => string {
  const { t } = useTranslation();
  return useCallback(
    (order, seller) => {
      const { of, products } = billed(order, seller);
      return products ? t("ui:productsOf", { of }) : of;
    },
    [t],
  );
}
