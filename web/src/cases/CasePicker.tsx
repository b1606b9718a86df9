// Choose a case: open ones that one is in, found by reference, title or place. For forms of other pages.

import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { Link } from "react-router";
import { useCases } from "./cases";

interface Props {
  /** The reference of the case, "" for none. */
  value: string;
  onChange: (reference: string) => void;
  /** Only cases that one is in: the ones under which access can be asked for. */
  mine?: boolean;
  label?: string;
  error?: string;
}

export function CasePicker({ value, onChange, mine = true, label = "Case", error }: Props) {
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 200);
  // A chosen option's own text is not a search.
  const find = value && words.startsWith(value) ? "" : words.trim();
  const list = useCases({ state: "open", mine: mine ? "true" : undefined, find: find || undefined });
  const found = list.data?.pages.flatMap((page) => page.cases) ?? [];
  const data = found.map((each) => ({ value: each.reference, label: `${each.reference} · ${each.title}` }));
  if (value && !data.some((each) => each.value === value)) data.unshift({ value, label: value });
  return (
    <Select
      label={label}
      description={
        <>
          An open case that you are in, or <Link to="/cases?new=1">open one</Link>
        </>
      }
      placeholder="Reference, title or place"
      data={data}
      value={value || null}
      onChange={(next) => onChange(next ?? "")}
      searchValue={text}
      onSearchChange={setText}
      searchable
      clearable
      clearButtonProps={{ "aria-label": "No case" }}
      filter={({ options }) => options}
      nothingFoundMessage={list.isFetching ? "Asking" : "No open case of yours matches"}
      error={error}
      data-testid="case-picker"
    />
  );
}
