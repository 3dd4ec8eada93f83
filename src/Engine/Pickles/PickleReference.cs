namespace Faith.Engine.Pickles;

/// <summary>Something outside the pickle that it names, as PyTorch's storages are.</summary>
/// <param name="Id">What names it.</param>
public sealed record PickleReference(object? Id);
