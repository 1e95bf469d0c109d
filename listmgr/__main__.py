"""`python -m listmgr`."""

from listmgr.cli import main

main()
