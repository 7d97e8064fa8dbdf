"""What to run so that a report can show what its file has no data for."""

RUN_SWEEP = "Run `tunescope sweep JOB`."
RUN_FISHER = "Run `tunescope fisher JOB`, or a sweep with a method such as `fisher:fraction=0.2`."
