"""The TRPO paper (Schulman et al., ICML 2015), executable, in NumPy.

Read it in this order, the paper beside it:

    expected_return       Section 2          eta, rho, V, Q, A on a finite MDP; Eq. (2), which is Eq. (1) by states
    surrogate             Sections 2 and 5   L exactly, Eqs. (3) and (4), and from samples, Eq. (14)
    kl_bound              Sections 2 and 3   the lower bounds on eta, Eqs. (5) to (10) and (44), and Algorithm 1
    trust_region          Section 4          Eqs. (11) and (12), solved exactly
    mlp                   Appendix D, C.1    the network: forward, J'u by backprop, Jv by forward mode
    gaussian, categorical Appendix D         the families: log-probability, KL, entropy, their derivatives, and M
    policy                Appendix D         network + family = pi_theta
    sampling, vine        Section 5          single path (5.1); vine (5.2), Eqs. (15) and (16)
    fisher                Appendix C.1       y -> J'MJy
    conjugate_gradient    Appendix C         A s = g
    line_search           Appendix C         beta and its shrinking
    trpo, training        Section 6          one update, and the loop around it
    prior_work            Section 7, 8.1     natural gradient, policy gradient, empirical FIM, max KL

Not in the paper: baseline (value function, generalised advantages, scaling), executor (sampling by other processes),
environment (Gymnasium's door; saving and restoring its state for vine), config (the options), gradient_check (finite
differences), run_folder and learning_curve (what a run leaves on disk), record (how records print), __main__ (the
command line).
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: matrices this small lose by being shared among threads
