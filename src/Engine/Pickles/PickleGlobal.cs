namespace Faith.Engine.Pickles;

/// <summary>A class or function that a pickle names. It is a name and no more.</summary>
/// <param name="Name">module.name.</param>
public sealed record PickleGlobal(string Name);
