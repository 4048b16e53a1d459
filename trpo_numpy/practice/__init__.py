"""Not in the paper: what makes a program of the update. No module of the paper, one folder up, imports from here.

    gradient_check  derivatives against finite differences
    config          the options of a run
    checks          what is refused of an environment
    environment     Gymnasium's environments
    executor        sampling by other processes
    scaling         observations less their mean, divided by their standard deviation
    baseline        a value function, and generalised advantages
    training        the training loop
    evaluation      a policy without its noise
    learning_curve  progress.csv and its picture
    run_folder      what a run leaves on disk, and how it goes on from there
"""
