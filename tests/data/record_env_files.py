"""Records env_files.json: `python -m tests.data.record_env_files COMPOSE`, with the path of a Docker Compose."""

from __future__ import annotations

import sys
from pathlib import Path

from tests import env_files

NESTED = "${A:-${B:-{x}} y} z}"
TEXTS = [
    # Statements.
    "", "\n\n", "# a comment\nA=1", "  # indented\n  A=1", "A=1\nA=2", "A=1\nB=2", "A=1\r\nC=2\r\n", "\ufeffA=1",
    "export A=1", "export\tA=1", "export", "export ", "export\nA=1", "exportA=1", "A =1", "A= 1", "A\t=\t1", "A=",
    "A=\nC=2", "A: 1", "A:1", "A=b=c", "A=b:c", "dotted.name=1", "with-dash=1", "=1\nA=2", "A B=1", "A\tB=1\nA=2",
    "A b", "A b\n", "A\n", "A", "B", "B\nA=$B", "A=1\nA\n", "export B\nA=1", "A!=1", "'A'=1", "A\u00e9=1\nA=2",
    "A=1 export C=2", "{}", "A=1\n}\n", "- A=1", "EXAI_LISTEN=127.0.0.1:9464", "1A=1\nA=2", "A[0]=1\nA=2",
    "\udcff\udcfeA=1",
    # Values without quotes.
    "A=two words  ", "A=1 # comment", "A=1# none", "A=1\t# none", "A= # none", "A=#none", "A=a'b'", "A=a\"b", "A=\\n",
    "A=\\$B", "A=C:\\dir\\new", "A=it's", "A=http://x/#a", "A=1\u00a0", "A=\u2003 1\u2003", "A=1\x1f", "A=1\u200b",
    # In single quotes.
    "A='$B ${B} $$'", "A='a\\'b'", "A='a\\nb'", "A='a\\\\'", "A='a\\\\'b'", "A='two\nlines'", "A=''", "A='a", "A='a\\'",
    "A='a' # comment", "A='a'#comment", "A='a' C='c'", "A='a'b", "A='a'b\n", "A='a'\"b\"", "A='# no comment'",
    "A='a'\r\n",
    # In double quotes.
    'A="$B ${B} $$B"', 'A="\\$B"', 'A="a\\"b"', 'A="a\\nb\\tc\\rd"', 'A="a\\\\nb"', 'A="\\\\"', 'A="two\nlines"', 'A="',
    'A="a\\', 'A="a" # comment', 'A=""', 'A="\\x41\\u0041\\e\\c\\s"', 'A="\\0101\\0377\\0400\\041\\0\\08\\0189"',
    'A="\\a\\b\\f\\v"', 'A="it\'s"', 'A="\\\'"', 'A="\\0044B"', 'A="# none"', 'A="a\r\nb"', 'A="two\nlines"\nC=${A}',
    # Interpolation.
    "A=$B", "A=${B}", "A=$$", "A=$$B", "A=$$$B", "A=$$$$", "A=pa$$word", "A=pa$word", "A=$", "A=a$", "A=$ B", "A=$1",
    "A=${", "A=${}", "A=${1}", "A=${B", "A=${B!}", "A=${ B }", "A=$B$B", "A=$Bx", "A=${B}x", "A=$C.",
    "A=$NONE.", "A=$a",
    "A=1\nEXAI_LISTEN=$A", "EXAI_LISTEN=$A\nA=1", "B=file\nA=$B", "A=$A", "A=1\nA=$A$A", "A=$(pwd)", "A=`pwd`",
    "A=${NONE:-x}", "A=${NONE-x}", "A=${C:-x}", "A=${C-x}", "A=${B:-x}", "A=${B-x}", "A=${NONE:+x}", "A=${NONE+x}",
    "A=${C:+x}", "A=${C+x}", "A=${B:+x}", "A=${B+x}", "A=${NONE:?why}", "A=${NONE?why}", "A=${C:?why}", "A=${C?why}",
    "A=${B:?why}", "A=${NONE:?}", "A=${NONE:?$B}", "A=${NONE:-}", "A=${NONE:-$B}", "A=${NONE:-${B}}", "A=${B:-$}",
    "A=${NONE:-$}", "A=${NONE:-${}", "A=${B:-${}}", "A=${NONE:-a b # c}", "A=${NONE:-'q'}", 'A=${NONE:-"q"}',
    f"A={NESTED}", f"A={NESTED} ${{B}}", "A=${NONE:-x} } ${B}", "A=${NONE:-{} ${B}", "A=${NONE:-{}}", "A=${NONE:-}}",
    "A=${NONE:-{}} x} ${B}",
    "A=${NONE:-x}${NONE:-y}$$", "A=${NONE:-:-x}", "A=${NONE-:-x}", "A=${NONE:x}", "A=${NONE:=x}", "A=${NONE/x/y}",
    'A="${NONE:-two\nlines}"', 'A="${NONE:-\\"q\\"}"', 'A="${NONE:-a}\n}"', "A=$B-$NONE-$$-${NONE:-$$}",
    "A=$é", "A=$_x.",
]  # fmt: skip


if __name__ == "__main__":
    env_files.record(Path(sys.argv[1]), TEXTS)
