"""What happened last night, as the residents reported it and as the script has it."""

from belvedere.demo.footage import active_spans, window
from belvedere.demo.life import night_actors
from belvedere.demo.life.scenes import SCENES
from belvedere.demo.scene import Incident

__all__ = ["INCIDENTS", "active_spans", "night_actors", "window"]


def _incident(
    id: str, title: str, kind: str, actors: tuple[str, ...], cameras: tuple[str, ...], report: str
) -> Incident:
    scene = SCENES[id]
    return Incident(id, title, kind, scene.start_s, scene.end_s, scene.x, scene.y, actors, cameras, report)


# The cameras are those that see any of the actors 30 pixels tall or more for two seconds; a test works them out anew.
INCIDENTS: tuple[Incident, ...] = (
    _incident(
        "fall",
        "Fall outside the shops",
        "fall",
        ("fall-man", "fall-shopkeeper", "fall-passer-by"),
        ("grove-parade", "alder-close-gate"),
        (
            "An old gentleman fell over outside Grove Stores at about quarter to eight. The man from the shop ran out to him "
            "and somebody stopped to help. He was on the ground for four or five minutes. The paving is loose there and I "
            "have reported it before."
        ),
    ),
    _incident(
        "moped",
        "Moped in Rowan court",
        "moped",
        ("moped-rider",),
        ("rowan-entrance", "rowan-court", "maple-court"),
        (
            "Moped going round and round the court in front of Rowan House just before nine, very loud, no lights that I "
            "could see. It stopped for a bit and then started again. It went off towards Maple House. Children play there."
        ),
    ),
    _incident(
        "gathering",
        "Group at Juniper House, stair C",
        "gathering",
        tuple(f"gathering-{i}" for i in (1, 2, 3, 4, 5, "5b", 6, 7)),
        ("juniper-entrance",),
        (
            "Group of six or seven hanging about by our front door from half nine till nearly ten, sitting under the ground "
            "floor windows. Not threatening but my mother will not go past them. It is most nights now."
        ),
    ),
    _incident(
        "bin-door",
        "Bin store door kicked, Rowan House",
        "criminal_damage",
        ("door-first", "door-second"),
        ("north-gate", "rowan-entrance"),
        (
            "Heard banging about ten to eleven and this morning the bin store door by Rowan House is hanging off. Two of them, "
            "I think. They ran off past Willow Court towards the main road."
        ),
    ),
    _incident(
        "fly-tipping",
        "Van tipping rubbish on Maple Way",
        "fly_tipping",
        (
            "tipping-van",
            "tipping-driver",
            "tipping-mate",
            "tipping-mattress",
            *(f"tipping-bag-{k}" for k in range(1, 7)),
        ),
        ("maple-way-bins", "maple-way"),
        (
            "There is a mattress and a heap of rubbish bags in front of the bins on Maple Way. It was not there when I came in "
            "at midnight. My neighbour saw a white van at about half twelve."
        ),
    ),
)
