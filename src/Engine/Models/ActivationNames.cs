using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>The activations by the names that config.json gives them.</summary>
internal static class ActivationNames
{
    private static readonly (string Name, ActivationFunction Function)[] All =
    [
        ("gelu", ActivationFunction.GeluErf), ("gelu_new", ActivationFunction.GeluTanh), ("gelu_fast", ActivationFunction.GeluTanh),
        ("gelu_pytorch_tanh", ActivationFunction.GeluTanh), ("relu", ActivationFunction.Relu), ("silu", ActivationFunction.Silu), ("swish", ActivationFunction.Silu),
    ];

    /// <summary>The activation that a key names.</summary>
    internal static ActivationFunction Read(ConfigFile file, string key, string otherwise)
    {
        var name = file.Text(key) ?? otherwise;
        foreach (var entry in All)
        {
            if (entry.Name == name) return entry.Function;
        }
        throw file.Unsupported(key, string.Join(", ", All.Select(entry => entry.Name)));
    }
}
