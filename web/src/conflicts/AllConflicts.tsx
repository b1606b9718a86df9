// Who declared how many conflicts of interest of which kind. What they are, nobody can read.

import { useQuery } from "@tanstack/react-query";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { CONFLICT_KIND, conflicts } from "./conflicts";

export function AllConflicts() {
  const all = useQuery({ queryKey: ["conflicts", "all"], queryFn: conflicts.all, retry: 1 });
  if (all.error) return <Trouble error={all.error} again={() => void all.refetch()} />;
  if (all.isPending) return <Waiting what="Asking what was declared." why="The hub is slow to answer." />;
  if (all.data.length === 0)
    return <Empty title="Nobody has declared anything">People declare conflicts of interest under My access. Ask those who approve and investigate to do so.</Empty>;
  return (
    <>
      <p className="lead">What was declared can be compared with a request, and not be read. Who declared keeps out of what concerns it.</p>
      <div className="panel table-box">
        <table className="table" data-testid="all-conflicts">
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">Newest</th>
            </tr>
          </thead>
          <tbody>
            {all.data.map((each) => (
              <tr key={`${each.name} ${each.kind}`}>
                <td className="strong">{each.name}</td>
                <td>
                  {CONFLICT_KIND[each.kind] ?? each.kind}
                  {each.count > 1 ? `, ${each.count} of them` : ""}
                </td>
                <td>
                  <Time us={each.newest_us} day />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
