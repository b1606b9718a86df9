"""The estate's side: ingest, recorder, live, uplink and the site's own index. Never imports the hub."""

import sys

# structlog loads rich, if it is there, to colour tracebacks on terminals. The site's processes write plain lines, for
# months, and rich is 4 to 10 MB of each: they do without. While Python looks for the module that `-m` names, and
# therefore imports this package, argv[0] is "-m" (documentation of sys.argv); nobody else who imports it is touched.
if sys.argv[:1] == ["-m"]:
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None: "there is no such module"
