from spaces.single_path.space import SinglePath as SinglePath
