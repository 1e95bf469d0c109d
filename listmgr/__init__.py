"""listmgr: no mail leaves without a current, provable consent."""
