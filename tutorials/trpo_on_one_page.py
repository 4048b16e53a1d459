"""TRPO on one page (Schulman et al., 2015). Comments 1. to 7.: the companion's step 18.

python tutorials/trpo_on_one_page.py [SEED] learns Pendulum-v1 in a minute (600,000 steps): a
batch's return rises from below -1000 to above -200 (mean of the last ten, seeds 0 to 5). N states s
(d_s,), N actions a (d_a,), d_h hidden units. A row per state: W h + b is h @ W.T + b. J' is J^T.
"""
import sys

import gymnasium
import matplotlib.pyplot as plt
import numpy as np

ITERATIONS, PATHS, T = 60, 50, 200  # a batch is PATHS paths of T steps, Pendulum-v1's time limit
D_S, D_H, D_A = 3, 30, 1            # d_s, d_h, d_a: the sizes of state, hidden layer and action
GAMMA, DELTA = 0.99, 0.01           # discount factor; bound on the mean KL divergence, Eq. (12)
CG_ITERATIONS, DAMPING = 10, 0.01   # k of Appendix C.1. Not in the paper: DAMPING, see trpo_update
SHRINK, MAX_BACKTRACKS = 0.5, 10    # beta, beta/2, ... (the package: damping 0.3, shrink 0.8)


def unpack(theta):
    """theta (P,) as W_1 (d_h, d_s), b_1 (d_h,), W_2 (d_a, d_h), b_2 (d_a,), r (d_a,)."""
    W_1, b_1, W_2, b_2, r = np.split(theta, np.cumsum([D_H * D_S, D_H, D_A * D_H, D_A]))
    return W_1.reshape(D_H, D_S), b_1, W_2.reshape(D_A, D_H), b_2, r


def forward(theta, states):
    """mu = [mean, r] (N, 2 d_a) of N(mean, stdev = exp(r)), Appendix D; hidden layer h (N, d_h)."""
    W_1, b_1, W_2, b_2, r = unpack(theta)
    h = np.tanh(states @ W_1.T + b_1)                   # (N, d_h): h = tanh(W_1 s + b_1)
    mean = h @ W_2.T + b_2                              # (N, d_a): mean = W_2 h + b_2
    return np.hstack([mean, np.tile(r, (len(mean), 1))]), h


def jvp(theta, states, h, v):
    """Jv (N, 2 d_a), J = dmu/dtheta: how mu changes as theta moves along v (P,). Forward mode."""
    _, _, W_2, _, _ = unpack(theta)
    dW_1, db_1, dW_2, db_2, dr = unpack(v)
    dh = (1 - h ** 2) * (states @ dW_1.T + db_1)        # (N, d_h): tanh' = 1 - tanh^2
    dmean = h @ dW_2.T + dh @ W_2.T + db_2              # (N, d_a): product rule
    return np.hstack([dmean, np.tile(dr, (len(h), 1))])


def vjp(theta, states, h, u):
    """J'u (P,): the gradient of the sum of u * mu over all entries, u (N, 2 d_a). Backprop."""
    _, _, W_2, _, _ = unpack(theta)
    u_mean, u_r = np.hsplit(u, 2)
    u_z = (1 - h ** 2) * (u_mean @ W_2)                 # (N, d_h): u of z = W_1 s + b_1
    parts = [u_z.T @ states, u_z.sum(axis=0), u_mean.T @ h, u_mean.sum(axis=0), u_r.sum(axis=0)]
    return np.concatenate([part.ravel() for part in parts])     # of W_1, b_1, W_2, b_2, r


def log_prob(mu, actions):
    """log pi(a|s) (N,): the sum of -1/2 ((a - mean) / exp(r))^2 - r - 1/2 log(2 pi)."""
    mean, r = np.hsplit(mu, 2)
    return np.sum(-((actions - mean) / np.exp(r)) ** 2 / 2 - r - np.log(2 * np.pi) / 2, axis=1)


def kl(mu_old, mu):
    """KL(old || new) (N,): r - r_old + (e^{2 r_old} + (mean_old - mean)^2) / (2 e^{2r}) - 1/2."""
    (mean_old, r_old), (mean, r) = np.hsplit(mu_old, 2), np.hsplit(mu, 2)
    second_moment = np.exp(2 * r_old) + (mean_old - mean) ** 2
    return np.sum(r - r_old + second_moment / (2 * np.exp(2 * r)) - 1 / 2, axis=1)


def trpo_update(theta_old, states, actions, Q):
    """(N, d_s), (N, d_a), (N,) -> theta_new, gain in L, mean KL, number of refused candidates."""
    mu_old, h = forward(theta_old, states)
    mean, r = np.hsplit(mu_old, 2)
    # 2. L and its gradient g at theta_old, Eq. (14): g = 1/N sum_n Q_n J_n' dlog_pi_n/dmu
    L_old = np.mean(Q)                      # the mean of pi_theta / pi_old * Q: the ratios are 1
    z = (actions - mean) / np.exp(r)
    dlog_pi_dmu = np.hstack([z / np.exp(r), z ** 2 - 1])    # (N, 2 d_a)
    g = vjp(theta_old, states, h, Q[:, None] * dlog_pi_dmu / len(Q))
    M = np.hstack([np.exp(-2 * r), np.full_like(r, 2)])     # the KL's second derivative in mu
    def A(y):                               # 3. 1/N sum_n J_n'M_n J_n y, Appendix C.1
        return vjp(theta_old, states, h, M * jvp(theta_old, states, h, y) / len(Q))
    # 4. A s = g by conjugate gradient. Not in the paper: A + DAMPING I, as A is nearly singular
    s, residual, p = np.zeros_like(g), g, g
    for _ in range(CG_ITERATIONS):
        Ap, rr = A(p) + DAMPING * p, residual @ residual
        if np.sqrt(rr) <= 1e-10 * np.linalg.norm(g):    # solved, but for rounding
            break
        alpha = rr / (p @ Ap)
        s, residual = s + alpha * p, residual - alpha * Ap
        p = residual + (residual @ residual / rr) * p
    beta = np.sqrt(2 * DELTA / (s @ A(s)))  # 5. 1/2 (beta s)'A(beta s) = delta, without DAMPING
    for refused in range(MAX_BACKTRACKS + 1):               # 6. the line search
        theta_new = theta_old + beta * SHRINK ** refused * s
        mu_new, _ = forward(theta_new, states)
        L_new = np.mean(np.exp(log_prob(mu_new, actions) - log_prob(mu_old, actions)) * Q)
        kl_new = np.mean(kl(mu_old, mu_new))
        if L_old < L_new < np.inf and kl_new <= DELTA:
            return theta_new, L_new - L_old, kl_new, refused    # 7. taken, if it passes
    return theta_old, 0.0, 0.0, MAX_BACKTRACKS + 1      # theta stays


if __name__ == "__main__":
    rng = np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    envs = gymnasium.make_vec("Pendulum-v1", num_envs=PATHS, vectorization_mode="sync")
    W_1, W_2 = rng.normal(0, D_S ** -0.5, D_H * D_S), rng.normal(0, D_H ** -0.5, D_A * D_H)
    theta, returns = np.concatenate([W_1, np.zeros(D_H), W_2, np.zeros(2 * D_A)]), []
    states, actions, rewards = (np.zeros((T, PATHS, *size)) for size in [(D_S,), (D_A,), ()])
    for i in range(1, ITERATIONS + 1):
        s_t, _ = envs.reset(seed=int(rng.integers(2 ** 31)))    # 1. single path, Section 5.1
        for t in range(T):
            mean, r = np.hsplit(forward(theta, s_t)[0], 2)
            states[t], actions[t] = s_t, rng.normal(mean, np.exp(r))
            s_t, rewards[t], *_ = envs.step(actions[t])         # it clips the action; log pi does not
        Q = rewards.copy()                              # (T, PATHS); the time limit cuts it off
        for t in reversed(range(T - 1)):
            Q[t] += GAMMA * Q[t + 1]                    # Q_t = reward_t + gamma Q_{t+1}
        Q -= Q.mean(axis=1, keepdims=True)              # not in the paper: minus the mean of each t
        returns.append(rewards.sum(axis=0).mean())
        theta, gain, kl_new, refused = trpo_update(
            theta, states.reshape(-1, D_S), actions.reshape(-1, D_A), Q.ravel())
        print(f"{i:3}: return {returns[-1]:6.0f}, L gains {gain:.3f}, KL {kl_new:.5f}, {refused=}")
    axes = plt.figure(layout="tight", figsize=(5.7, 3)).add_subplot(xlabel="batch", ylabel="return")
    axes.set_title("TRPO learns to swing a pendulum up", loc="left", fontweight="bold")
    axes.plot(np.arange(1, ITERATIONS + 1), returns, color="#0072B2", linewidth=2.5)
    plt.savefig("trpo_on_one_page.png", dpi=300)
