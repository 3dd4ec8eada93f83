namespace Faith.Fuzz.Tests.Targets;

/// <summary>Something that takes input from outside.</summary>
internal interface ITarget : IDisposable
{
    /// <summary>Makes an input of <paramref name="random"/> alone and gives it to what is tested.</summary>
    /// <returns>Whether it was taken; false: refused as it should be.</returns>
    /// <exception cref="Exception">Any but a refusal: a fault.</exception>
    bool Run(Random random);
}
