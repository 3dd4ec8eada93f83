namespace Faith.Kernels;

/// <summary>How the logit of a token comes about: z = y·U[token] + b[token], and with a cap c·tanh(z/c).</summary>
/// <param name="Unembedding">U [vocabulary × d], made by <see cref="Device.CreateTable"/>.</param>
/// <param name="Bias">b [1 × vocabulary], or none for zero.</param>
/// <param name="Cap">c; 0: no cap.</param>
public readonly record struct LogitHead(Weights Unembedding, Tensor Bias = default, float Cap = 0);
