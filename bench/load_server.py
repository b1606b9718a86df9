"""Load for the recorder: N cameras that show one film, over RTSP on loopback. Prints {"port": P} when it serves."""

import asyncio
import gc
import json
import sys
from pathlib import Path

from belvedere.demo.rtsp.reel import load_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SystemClock


async def serve(film: Path, cameras: int) -> None:
    async with RtspServer(SystemClock()) as server:
        reel = load_reel(film)
        for index in range(cameras):
            server.add(f"cam{index}", reel)
        gc.freeze()
        print(json.dumps({"port": server.port}), flush=True)
        while True:
            await asyncio.sleep(1)
            print(json.dumps({"closed_slow": server.closed_slow}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
