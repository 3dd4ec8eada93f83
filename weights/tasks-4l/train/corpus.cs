// Writes the prompts of the built-in tasks as the text that the model is trained and tested on:
//     dotnet run corpus.cs -- corpus.tsv
// One prompt a line, tab between the fields: task, split, clean, corrupted, answers, distractors, what to say after the corrupted
// prompt. Lists have '|' between their elements.
#:project ../../../src/Engine
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false

using Faith.Engine.Tasks;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run corpus.cs -- FILE");
    return 2;
}

// Small tasks are written almost whole, so that the model sees every fact; the large ones as far as a training run reads.
(string Task, int Train, int HeldOut)[] counts =
[
    ("ioi", 150_000, 1_000),
    ("greater-than", 60_000, 1_000),
    ("gendered-pronoun", 60_000, 1_000),
    ("sva", 45_000, 1_000),
    ("capital-country", 2_500, 700),
    ("hypernymy", 7_000, 1_000),
];
const ulong Seed = 1;

using var file = new StreamWriter(args[0]) { NewLine = "\n" };
foreach (var (name, train, heldOut) in counts)
{
    var task = TaskCatalog.Find(name);
    foreach (var (split, count) in new[] { (TaskSplit.Train, train), (TaskSplit.HeldOut, heldOut) })
    {
        foreach (var prompt in task.Generate(count, Seed, split))
        {
            file.WriteLine(string.Join('\t', name, split, prompt.Clean, prompt.Corrupted, List(prompt.Answers), List(prompt.Distractors),
                List(task.ContinuationsOfCorrupted(prompt))));
        }
    }
}
return 0;

static string List(string[] words) => string.Join('|', words);
