"""Runs an RQ worker inside the application's context; nothing else."""

from listmgr.cli.worker import run_worker

if __name__ == "__main__":
    run_worker()
