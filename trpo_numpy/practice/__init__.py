"""Not in the paper: what turns the update into a program. No module of the paper, one folder up, imports from here.

    config          the options of a run
    environment     Gymnasium's environments, their spaces, each step checked
    executor        sampling by other processes
    blocks          a network that takes its samples in blocks, which is faster
    scaling         observations minus their mean, divided by their standard deviation
    baseline        a value function, and generalized advantages
    training        the training loop
    evaluation      the returns of a policy's most probable actions
    run_folder      what a run leaves on disk, and how it goes on from there
"""
