"""The room of files that leave: asked for with a reason, written by a job, gone after a day."""
