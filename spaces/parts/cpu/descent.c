/* Gradient clipping and stochastic gradient descent on many tensors in one call, for `descent.py`. */

/* The Euclidean norm of all gradients. */
double norm_of(long tensors, real *const *gradients, const long *sizes) {
    double total = 0;
    for (long t = 0; t < tensors; t++) {
        double part = 0, other = 0; /* of SUMS, which adds two sums */
        SUMS(sizes[t], other, part, add_moments, gradients[t], 0)
        total += part;
    }
    return sqrt(total);
}

void scale_all(long tensors, real *const *gradients, const long *sizes, double factor) {
    const real by = factor;
    for (long t = 0; t < tensors; t++)
        for (long i = 0; i < sizes[t]; i++) gradients[t][i] *= by;
}

/* m = momentum * m + g + decay * p, then p -= rate * (m, or with `nesterov` g + decay * p + momentum * m). Portable code
rounds where torch does: its additions of multiples are rounded once. */
void descend(long tensors, real *const *parameters, real *const *gradients, real *const *momenta, const long *sizes,
             double rate, double momentum, double decay, long nesterov) {
    const real step = rate, keep = momentum, shrink = decay;
    for (long t = 0; t < tensors; t++) {
        real *restrict p = parameters[t], *restrict m = momenta[t];
        const real *restrict g = gradients[t];
        for (long i = 0; i < sizes[t]; i++) {
            const real d = madd1(shrink, p[i], g[i]);
            m[i] = keep * m[i] + d;
            p[i] = madd1(-step, nesterov ? madd1(keep, m[i], d) : m[i], p[i]);
        }
    }
}
