namespace Faith.Engine.Sweeps;

/// <summary>How far a cell is.</summary>
public enum CellState
{
    /// <summary>Its record is there.</summary>
    Done,
    /// <summary>A process works on it.</summary>
    Running,
    /// <summary>The last attempt failed.</summary>
    Failed,
    /// <summary>Nobody has begun it, or whoever did has ended.</summary>
    Left,
}
