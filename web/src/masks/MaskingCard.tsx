// On the health page: what is masked now, for how many, and what it costs.

import { useQuery } from "@tanstack/react-query";
import { hub } from "../api";
import { masks } from "./masks";

export function MaskingCard() {
  const found = useQuery({ queryKey: ["masking"], queryFn: masks.masking, refetchInterval: 10_000, retry: false });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  if (!found.data) return null;
  const { most, refused, renditions, pieces, pieces_cpu_ms_per_s, finds } = found.data;
  const name = (id: string) => cameras.data?.cameras.find((each) => each.id === id)?.name ?? id;
  const made = renditions.filter((each) => each.cpu_ms_per_s > 0);
  const mean = made.length > 0 ? made.reduce((sum, each) => sum + each.cpu_ms_per_s, 0) / made.length : 0;
  return (
    <section data-testid="masking">
      <h2>Masked pictures</h2>
      <p className="quiet">
        {renditions.length} of at most {most} are made now
        {mean > 0 ? `, each takes ${mean.toFixed(0)} ms of processor time a second` : ""}
        {pieces > 0 ? `; ${pieces} recorded pieces were masked since the site started, at ${pieces_cpu_ms_per_s.toFixed(0)} ms a second` : ""}
        {refused > 0 ? `; ${refused} were refused because as many as it makes were being made` : ""}. {finds}
      </p>
      {renditions.length > 0 ? (
        <div className="panel table-box">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Camera</th>
                <th scope="col">Kind</th>
                <th scope="col" className="number">
                  Viewers
                </th>
                <th scope="col" className="number">
                  Processor, ms/s
                </th>
                <th scope="col" className="number">
                  Of it the detector
                </th>
                <th scope="col" className="number">
                  Hidden now
                </th>
                <th scope="col" className="number">
                  Begun anew
                </th>
              </tr>
            </thead>
            <tbody>
              {renditions.map((each) => (
                <tr key={`${each.camera} ${each.kind}`}>
                  <td>{name(each.camera)}</td>
                  <td>{each.kind.startsWith("painted") ? "permanent masks only" : each.whole ? "all hidden, still learning the view" : "people hidden"}
                    {each.kind.endsWith("marked") ? ", for one viewer outside" : ""}</td>
                  <td className="number">{each.viewers}</td>
                  <td className="number">{each.cpu_ms_per_s.toFixed(1)}</td>
                  <td className="number">{each.sees ? each.look_ms_per_s.toFixed(1) : "none"}</td>
                  <td className="number">{Math.round(each.share * 100)} %</td>
                  <td className="number">{each.restarts}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}
