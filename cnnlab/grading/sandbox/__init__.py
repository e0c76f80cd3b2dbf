"""Sandbox: the processes in which student code runs. No module here contains answers.

    wire_format                              values as frames of limited length: a JSON header and raw buffers
    probe_networks                           the small seeded networks that a probe may name
    forkserver                               the process with all imports done, which forks a supervisor for each submission
    supervisor                               one for each submission: enforces the limits, starts and ends the worker
    worker                                   the student's process: runs the cells, then answers each question in a separate fork
    cell_runner, call_record                 execution of a cell's code, and the record of whose code an answer calls
    control_group, process_tree              memory, number and processor time of the tasks: by the kernel's own count, or by looking
    huge_pages                               large memory pages, which make forks cheap
    readable_paths                           the folders that are visible in the sandbox
    confinement                              the sandbox tiers, and how a process enters them
    namespaces, bubblewrap                   the two ways to make a box for a submission
    landlock, seccomp, syscalls              the kernel features inside it

The packages with techniques and the references of the exercises are not imported here, and are not visible in the sandbox.
"""
