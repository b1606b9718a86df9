"""The council's side. Never imports the site."""

import gc
import sys

# structlog loads rich, if it is there, to colour tracebacks on terminals: 0.1 s of each start, for processes that write plain
# lines. While Python looks for the module that `-m` names, and therefore imports this package, argv[0] is "-m" (documentation
# of sys.argv); nobody else who imports it is touched.
if sys.argv[:1] == ["-m"]:
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None: "there is no such module"
    gc.disable()  # nothing of what is loaded is garbage; `serve.main` turns it on
