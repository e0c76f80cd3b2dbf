"""What runs in the processes that student code runs in; nothing here knows an answer.

    frames       values as length-capped frames: a JSON header and raw buffers
    networks     the small seeded networks that a probe may name
    zygote       the process that has everything imported, and forks
    guard        one for each submission: holds the limits, starts and ends the student's process
    student      the student's process: runs the cells, then answers each question in a fork of its own
    cells        how the code of a cell is run
    watching     processor time, memory and number of the processes below a process
    pages        how forks are made cheap
    rooms        which folders can be seen
    confinement  the tiers, and how a process goes behind them
    namespaces, landlock, seccomp, kernel    what they are made of

The rooms with techniques and the references of the exercises are not imported here, and cannot be seen from here.
"""
