/** The first rows of a list that is drawn with the clock: thousands take the browser longer than there is time between two looks. */

import { computed, ref, type Ref } from "vue";

import { inOrder, type Column, type Order } from "../components/table";

const SHOWN = 200;

export function useFirstRows<Row>(rows: Ref<readonly Row[]>, columns: Ref<readonly Column<Row>[]>, order: Ref<Order>) {
  const most = ref(SHOWN);
  return {
    shown: computed(() => inOrder(rows.value, columns.value, order.value).slice(0, most.value)),
    showMore: () => {
      most.value += SHOWN;
    },
  };
}
