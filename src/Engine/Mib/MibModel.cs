namespace Faith.Engine.Mib;

/// <summary>A model of the MIB benchmark.</summary>
/// <param name="Name">As cells name it.</param>
/// <param name="Repository">Where its weights are.</param>
/// <param name="Layers">Layers of its graph.</param>
/// <param name="Heads">Heads of its graph.</param>
public sealed record MibModel(string Name, string Repository, int Layers, int Heads);
