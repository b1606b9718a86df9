// What a camera is and reports as an ONVIF device. Tampering is told to everybody; motion and inputs only under an access.

import { useQuery } from "@tanstack/react-query";
import { clockError } from "../cameras/CamerasPage";
import { Time } from "../frame/Time";
import styles from "../health/Health.module.css";
import { useGrant } from "../session";
import { SECOND } from "../time";
import { devices, eventWords, type DeviceNow } from "./devices";

const STATES: Record<DeviceNow["state"], string> = {
  connecting: "Connecting",
  watching: "Answers",
  waiting: "Does not answer",
  denied: "Refuses the password",
};

/** What a stream's clock error is from, in words. */
export function clockSource(source: string | undefined): string {
  return source === "rtcp" ? "told by its stream" : source === "onvif" ? "asked by ONVIF" : "";
}

export function DevicePanel({ camera }: { camera: string }) {
  const { grant } = useGrant();
  const all = useQuery({ queryKey: ["devices"], queryFn: devices.all, refetchInterval: 10_000, retry: false });
  const device = all.data?.find((each) => each.camera === camera);
  const access = grant && grant.actions.includes("playback") && (grant.cameras.length === 0 || grant.cameras.includes(camera)) ? grant.id : "";
  const events = useQuery({
    queryKey: ["device events", camera, access],
    queryFn: () => (access ? devices.events(camera, access) : devices.tampers(camera)),
    refetchInterval: 5_000,
    enabled: device?.events ?? false,
    retry: false,
  });
  if (!device) return null;
  return (
    <section className={styles.section} aria-label="ONVIF device" data-testid="device">
      <div className={styles.head}>
        <h2>ONVIF device</h2>
      </div>
      <div className="panel" style={{ padding: "10px 14px" }}>
        <p style={{ margin: 0 }}>
          <span className="strong">{[device.manufacturer, device.model].filter(Boolean).join(" ") || "Not told yet"}</span>
          {device.firmware ? `, firmware ${device.firmware}` : ""}
          {device.serial ? `, serial ${device.serial}` : ""}
          {device.ptz ? ", can be moved" : ""}
        </p>
        <p style={{ margin: "4px 0 0" }}>
          {STATES[device.state]}
          {device.message ? `: ${device.message}` : ""}
          {device.clock_error_us === null
            ? ""
            : `. Clock ${clockError(device.clock_error_us)}, within ${(device.clock_uncertainty_us / SECOND).toFixed(1)} s`}
        </p>
      </div>
      {device.events ? (
        <>
          <div className={styles.head} style={{ marginTop: 12 }}>
            <h2>Newest reports</h2>
            <span className="quiet">{access ? "" : "Tampering only. Motion and inputs need an access."}</span>
          </div>
          {events.data?.length ? (
            <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of reports">
              <table className="table" data-testid="device-events">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">What</th>
                  </tr>
                </thead>
                <tbody>
                  {events.data.slice(0, 12).map((event) => (
                    <tr key={`${event.arrival_us}${event.kind}${event.source}${event.active}`}>
                      <td>
                        <Time us={event.arrival_us} />
                      </td>
                      <td className="wide">{eventWords(event)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <p className="quiet">{events.error ? events.error.message : events.data ? "Nothing in the last 24 hours." : "Asking."}</p>
          )}
        </>
      ) : null}
    </section>
  );
}
