// Ctrl or Cmd K: every page, camera and action by name.

import { spotlight, Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconDeviceCctv, IconFilePlus, IconPlayerTrackNext, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import { hub } from "../api";
import { usePages } from "./Shell";

export const openPalette = (): void => spotlight.open();

export function Palette() {
  const navigate = useNavigate();
  const pages = usePages();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, staleTime: 30_000 });
  const actions = useMemo<SpotlightActionGroupData[]>(
    () => [
      {
        group: "Pages",
        actions: pages.map((page) => ({
          id: page.path,
          label: page.name,
          leftSection: <page.icon size={18} aria-hidden />,
          onClick: () => void navigate(page.path),
        })),
      },
      {
        group: "Access",
        actions: [
          {
            id: "ask-access",
            label: "Ask for access",
            description: "For a case, a time and cameras",
            leftSection: <IconFilePlus size={18} aria-hidden />,
            onClick: () => void navigate("/access/ask"),
          },
        ],
      },
      {
        group: "Cameras",
        actions: (cameras.data?.cameras ?? []).flatMap((camera) => [
          {
            id: `live-${camera.id}`,
            label: camera.name,
            description: camera.place ? `Live · ${camera.place}` : "Live",
            keywords: [camera.id, camera.place],
            leftSection: <IconDeviceCctv size={18} aria-hidden />,
            onClick: () => void navigate(`/now?enlarge=${encodeURIComponent(camera.id)}`),
          },
          {
            id: `review-${camera.id}`,
            label: `Review ${camera.name}`,
            description: camera.place,
            keywords: [camera.id],
            leftSection: <IconPlayerTrackNext size={18} aria-hidden />,
            onClick: () => void navigate(`/review?cameras=${encodeURIComponent(camera.id)}`),
          },
        ]),
      },
    ],
    [cameras.data, navigate, pages],
  );
  return (
    <Spotlight
      actions={actions}
      shortcut={null}
      attributes={{ content: { "aria-label": "Go to a page or camera" } }}
      nothingFound="Nothing has that name"
      highlightQuery
      scrollable
      maxHeight={420}
      limit={30}
      overlayProps={{ blur: 0, backgroundOpacity: 0.6 }}
      searchProps={{ leftSection: <IconSearch size={18} aria-hidden />, placeholder: "A page or a camera", "aria-label": "A page or a camera" }}
    />
  );
}
