using System.Diagnostics.CodeAnalysis;

namespace Faith.Engine.Models;

/// <summary>A value for every layer of a model: values that begin anew after the last, so that one stands for all layers. Equal to another of the same values.</summary>
/// <param name="values">The values of the first layers; at least one.</param>
public sealed class PerLayer<T>(params IReadOnlyList<T> values) : IEquatable<PerLayer<T>>
{
    private readonly T[] values = values.Count > 0 ? [.. values] : throw new ArgumentException("no value", nameof(values));

    /// <summary>The value of a layer.</summary>
    public T this[int layer] => values[layer % values.Length];

    /// <summary>The values, each at least once.</summary>
    public IReadOnlyList<T> Values => values;

    /// <summary>The same value in every layer; of null null.</summary>
    [return: NotNullIfNotNull(nameof(value))]
    public static implicit operator PerLayer<T>?(T value) => value is null ? null : new([value]);

    /// <inheritdoc/>
    public bool Equals(PerLayer<T>? other) => other is not null && values.SequenceEqual(other.values);
    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PerLayer<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in values) hash.Add(value);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", values);
}
