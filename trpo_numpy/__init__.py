"""The TRPO paper (Schulman et al., ICML 2015), executable, in NumPy.

Each module is a section of the paper, or a part of one. Read them in this order, the paper beside you, at first without
trust_region and algorithm_1; a module uses only those above it. A prime is a transpose: J'u is J^T u.

    finite_mdp              Section 2           a finite MDP and a policy, as arrays
    expected_return         Section 2           eta, rho, V, Q, A by linear solves, and L: Eqs. (2) to (4)
    kl_bound                Sections 2, 3       the lower bounds on eta: Eqs. (5) to (10), (44), Theorem 1
    trust_region            Section 4           the constrained problems, Eqs. (11) and (12), solved exactly
    algorithm_1             Section 3           Algorithm 1, whose steps are such problems; policy iteration
    mlp                     Appendix D, C.1     the network: forward, Jv by forward mode, J'u by backpropagation
    family                  Appendix D          what a family of distributions has
    gaussian                Appendix D, C.1     a family: log-probability, KL, entropy, and M
    categorical             Appendix D, C.1     another family
    policy                  Appendix D, C.1     network + family = pi_theta; J of the distribution parameters
    surrogate               Section 5           L and its gradient from samples, Eq. (14)
    sampling                Section 5.1         single path
    vine                    Section 5.2         vine, Eqs. (15) and (16)
    fisher                  Appendix C.1        the mean KL and its Hessian y -> J'MJy, Eqs. (56) and (57)
    conjugate_gradient      Appendix C          A s = g
    line_search             Appendix C          the step length beta, and its exponential shrinking
    trpo                    Section 6           one update, Eq. (55)
    prior_work              Sections 7, 8.1     natural gradient, policy gradient, empirical FIM

Not in the paper: checks (of input), the command line (python -m trpo_numpy), and the folder practice, which makes a
program of the update (help(trpo_numpy.practice)).
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # works if it is set before NumPy: one thread is best for small matrices
