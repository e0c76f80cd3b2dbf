"""What runs in the processes that student code runs in; nothing here knows an answer.

    wire_format                              values as length-capped frames: a JSON header and raw buffers
    probe_networks                           the small seeded networks that a probe may name
    forkserver                               the process that has everything imported, and forks
    supervisor                               one for each submission: holds the limits, starts and ends the student's process
    worker                                   the student's process: runs the cells, then answers each question in a fork of its own
    cell_runner                              how the code of a cell is run
    process_tree                             processor time, memory and number of the processes below a process
    huge_pages                               how forks are made cheap
    readable_paths                           which folders can be seen
    confinement                              the tiers, and how a process goes behind them
    namespaces, landlock, seccomp, syscalls  what they are made of

The rooms with techniques and the references of the exercises are not imported here, and cannot be seen from here.
"""
