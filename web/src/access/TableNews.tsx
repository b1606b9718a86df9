// For a month after second persons came with an update: what that means, where people notice it.

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { call, hubNowUs } from "../api";
import { Notice } from "../frame/Notice";
import { Time } from "../frame/Time";
import { DAY } from "../time";

interface ActionTable {
  table: string;
  since_us: number;
  stricter: boolean;
  grace_until_us: number;
  untrained: boolean;
}

export function TableNews() {
  const found = useQuery({
    queryKey: ["action-table"],
    queryFn: () => call<ActionTable>("GET", "/api/access/table"),
    staleTime: Infinity,
    retry: 1,
  }).data;
  if (!found?.stricter || hubNowUs() > found.since_us + 30 * DAY) return null;
  return (
    <Notice title="Looking takes more than it did" testId="table-news">
      Since <Time us={found.since_us} day /> live pictures are masked and recordings need a case. Long recordings, unmasked pictures and
      exports take a colleague of another team, who confirms with a passkey: <Link to="/settings">add yours</Link>.
      {found.untrained ? (
        <>
          {" "}
          Your training date is not on record: without it pictures are shut from <Time us={found.grace_until_us} day /> on.
        </>
      ) : null}
    </Notice>
  );
}
