"""`belvedere page`: calling people about recording faults."""

import time
from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import Conflict, Unavailable
from belvedere.foundation.settings import load_settings

app = typer.Typer(help="Calling people about recording faults outside office hours.", no_args_is_help=True)
_WAYS = {"email": "e-mail", "webhook": "webhook", "sms": "SMS"}
_LOOK_EVERY_S = 0.5


@app.callback()
def page() -> None:
    """Calling people about recording faults outside office hours."""


@app.command()
def test(
    wait: Annotated[int, typer.Option("--wait", help="Seconds to wait for the hub to send.", min=1, max=600)] = 60,
    data: DataOption = REAL_DATA,
) -> None:
    """Send everybody who is called a test, whatever their hours. The running hub sends it and logs it."""
    from belvedere.hub.paging.book import DROPPED, FAILED, WAITING, PageBook
    from belvedere.hub.paging.ladder import State
    from belvedere.hub.storage import open_engine, upgrade
    from belvedere.hub.storage.acts import noting

    settings, clock = load_settings(data), SystemClock()
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        book = PageBook(engine, clock, noting(clock))
        if not book.plan().plan.steps:
            raise Conflict("Nobody is named yet who could be called.", advice="Control room: Health, Who is called.")
        page_id = book.ask_test("the command line")
        until_us = clock.monotonic_us() + wait * 1_000_000
        while clock.monotonic_us() < until_us:
            messages = book.messages(page_id)
            if messages and all(each.state != WAITING for each in messages):
                break
            time.sleep(_LOOK_EVERY_S)
        messages = book.messages(page_id)
        if book.page(page_id).state is State.ASKED:
            book.end(page_id)
            raise Unavailable("The hub did not take it up.", advice="Is it running? Nothing was sent.")
    finally:
        engine.dispose()
    for each in messages:
        said = "not sent yet" if each.state == WAITING else each.state
        typer.echo(f"{each.name}, {_WAYS[each.channel]}: {said}{f'. {each.fault}' if each.fault else ''}")
    if any(each.state in (WAITING, FAILED, DROPPED) for each in messages):
        raise typer.Exit(1)
