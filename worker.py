"""Runs an RQ worker inside the application's context; nothing else."""

from listmgr.cli import run_worker

if __name__ == "__main__":
    run_worker()
