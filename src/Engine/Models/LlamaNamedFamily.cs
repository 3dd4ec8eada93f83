using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>A family whose tensors carry Llama's names, whatever its blocks compute.</summary>
internal abstract class LlamaNamedFamily : ModelFamily
{
    internal override string Inner => "model.";
    protected sealed override OuterNames Outer => new("embed_tokens.weight", "lm_head.weight", "layers", "norm");

    /// <summary>γ of the norms of queries and keys, or nulls.</summary>
    protected virtual (float[]? Query, float[]? Key) ReadQueryKeyNorm(ModelConfig config, TensorTable tensors, string attention)
    {
        float[]? Read(string name, int heads) => config.QueryKeyNorm == QueryKeyNorm.None ? null : NormScale(tensors.Vector(attention + name, config.NormWidth(heads)));
        return (Read("q_norm.weight", config.Heads), Read("k_norm.weight", config.KeyValueHeads));
    }

    /// <summary>Which matrices of a layer have a bias.</summary>
    protected readonly record struct Biases(bool QueryKeyValue, bool Output, bool Mlp);

    /// <summary>The biases that a configuration asks for.</summary>
    protected virtual Biases BiasesOf(ConfigFile file) => default;

    /// <summary>The name of the matrix that holds q, k and v, or null where each has its own.</summary>
    protected virtual string? FusedProjection => null;

    /// <summary>The names of the norms of a layer, null where there is none.</summary>
    /// <param name="AttentionInput">Before attention.</param>
    /// <param name="AttentionOutput">Of what attention puts out.</param>
    /// <param name="MlpInput">Before the MLP.</param>
    /// <param name="MlpOutput">Of what the MLP puts out.</param>
    protected readonly record struct NormNames(string? AttentionInput, string? AttentionOutput, string? MlpInput, string? MlpOutput);

    /// <summary>The norms of a layer.</summary>
    protected virtual NormNames Norms => new("input_layernorm", null, "post_attention_layernorm", null);

    /// <summary>The norms of a layer of this model.</summary>
    protected virtual NormNames NormsOf(ModelConfig config) => Norms;

    /// <summary>The matrices of an MLP, their outputs before the activation one after the other.</summary>
    protected virtual (string[] Up, string Down) MlpNames => (["gate_proj", "up_proj"], "down_proj");

    protected sealed override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, q, f) = (config.Width, config.QueryWidth, config.MlpWidth);
        string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
        var (biases, norms) = (BiasesOf(tensors.Config), NormsOf(config));
        var (up, down) = MlpNames;
        var width = (config.Gated ? 2 * f : f) / up.Length;
        // Matrices first: their shapes are checked against the file, and only then is anything made as wide as config.json says.
        IgnoreFrequencies(config, tensors, attention);
        var projection = FusedProjection is { } fused
            ? (Matrix: tensors.Linear(d, (attention + fused + ".weight", config.ProjectionWidth)), Bias: null)
            : ReadProjection(config, tensors, attention, biases.QueryKeyValue);
        (float[]? Scale, float[]? Shift) Norm(string? name) => name is null ? default : ReadNorm(config, tensors, prefix + name);
        var attentionNorm = Norm(norms.AttentionInput);
        var (queryNorm, keyNorm) = ReadQueryKeyNorm(config, tensors, attention);
        var mlpNorm = norms.MlpInput is { } name && name == norms.AttentionInput ? attentionNorm : Norm(norms.MlpInput);
        return new LayerWeights
        {
            AttentionNormScale = attentionNorm.Scale,
            AttentionNormShift = attentionNorm.Shift,
            QueryKeyValue = projection.Matrix,
            QueryKeyValueBias = projection.Bias,
            QueryNormScale = queryNorm,
            KeyNormScale = keyNorm,
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            OutputBias = biases.Output ? tensors.Vector(attention + "o_proj.bias", d) : null,
            AttentionOutputNormScale = Norm(norms.AttentionOutput).Scale,
            MlpNormScale = mlpNorm.Scale,
            MlpNormShift = mlpNorm.Shift,
            Up = tensors.Linear(d, [.. up.Select(name => (mlp + name + ".weight", width))]),
            UpBias = biases.Mlp ? tensors.Vectors([.. up.Select(name => (mlp + name + ".bias", width))]) : null,
            Down = tensors.Linear(f, (mlp + down + ".weight", d)),
            DownBias = biases.Mlp ? tensors.Vector(mlp + down + ".bias", d) : null,
            MlpOutputNormScale = Norm(norms.MlpOutput).Scale,
        };
    }
}
