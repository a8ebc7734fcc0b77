"""Runs a script and exits at once with its exit code.

The SDK's own threads may outlive the interpreter, which then aborts the process while it is finalized.
"""

import os
import runpy
import sys
import traceback


def run() -> int:
    sys.argv = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as exit:
        if exit.code is None or isinstance(exit.code, int):
            return exit.code or 0
        print(exit.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


code = run()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
